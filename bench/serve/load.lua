-- Random paths of a list, random ranges of the body, and the outcome as one line of JSON.
local paths = {}
local range_bytes, size_bytes = 0, 0
local counter = 0

function setup(thread)
  counter = counter + 1
  thread:set("seed", counter)
end

function init(args)
  for line in io.lines(args[1]) do paths[#paths + 1] = line end
  range_bytes = tonumber(args[2])
  size_bytes = tonumber(args[3])
  math.randomseed(os.time() + seed)
end

function request()
  local path = paths[math.random(#paths)]
  if range_bytes == 0 then return wrk.format("GET", path) end
  local start = math.random(0, size_bytes - range_bytes)
  return wrk.format("GET", path, { ["Range"] = string.format("bytes=%.0f-%.0f", start, start + range_bytes - 1) })
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"durationUs":%d,"bytes":%.0f,"errors":%d,"p50Ms":%.4f,"p99Ms":%.4f}\n',
    summary.requests, summary.duration, summary.bytes, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
