# The base image of both stages. The tag contains the name of a Debian release, and the image behind it is rebuilt with
# Debian's security fixes. A release build looks up the digest of the tag and uses it:
# --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# Only wheels are installed, so neither stage needs a compiler.
FROM ${PYTHON_IMAGE} AS packages
COPY requirements/base.txt /tmp/base.txt
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary=:all: -r /tmp/base.txt

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv
# The service reads its version from the changelog.
COPY CHANGELOG.md manage.py ./
COPY proto proto
COPY common common
COPY bridge bridge
COPY fallback fallback
COPY centrifugo_proxy centrifugo_proxy
COPY realtime_site realtime_site
RUN python -m compileall -q .
# The user is a number, so that Kubernetes can verify that it is not root. The file system may be read-only: the service
# writes a file only with FALLBACK_CLAIMS_URL=file://…
USER 10001:10001
EXPOSE 9730
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD ["python", "-m", "realtime_site.healthcheck"]
CMD ["python", "manage.py", "serve"]
