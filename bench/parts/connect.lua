-- A script for wrk. It sends connect requests like those of Centrifugo, each with a new ticket. At the end it prints a
-- summary as JSON.
local number = 0
local token = os.getenv("BENCH_TOKEN")
local headers = {["Content-Type"] = "application/json", ["X-Centrifugo-Proxy-Token"] = token}
local body = '{"client":"9336a229-2400-4ebc-8c50-0a643d22e8a0","transport":"websocket","protocol":"json",'
  .. '"encoding":"json","data":{"token":"ticket-%036d"}}'

request = function()
  number = number + 1
  return wrk.format("POST", "/centrifugo/connect", headers, string.format(body, number))
end

done = function(summary, latency)
  local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
    + summary.errors.timeout
  io.write(string.format('\n{"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"bad":%d}\n', summary.requests,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, bad))
end
