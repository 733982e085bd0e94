"""The routes, without trailing slashes or redirects. Other paths get 404, and bugs get 500, both with a JSON body."""

from django.urls import path, re_path

from centrifugo_proxy.protocol.codes import path_of
from centrifugo_proxy.web import views
from centrifugo_proxy.web.responses import not_found

urlpatterns = [
    *(path(path_of(event).lstrip("/"), view, name=event) for event, view in views.proxy_views.items()),
    path("health", views.show_health, name="health"),
    path("health/live", views.show_live, name="health-live"),
    path("health/ready", views.show_ready, name="health-ready"),
    path("metrics", views.show_metrics, name="metrics"),
    re_path("", not_found, name="not-found"),
]

handler500 = "centrifugo_proxy.web.views.show_fault"
