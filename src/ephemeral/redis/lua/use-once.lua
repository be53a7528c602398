-- Notes that a name was used. Stored as: until when (ms) it is noted
-- KEYS: 1 name
-- ARGV: 1 now (ms), 2 for how long (ms)
-- Result: 1 for the first use, else 0

local now, ttl_ms = tonumber(ARGV[1]), tonumber(ARGV[2])
local noted_until = tonumber(redis.call('GET', KEYS[1]) or '')
if noted_until and noted_until > now then
  return 0
end
redis.call('SET', KEYS[1], string.format('%.0f', now + ttl_ms), 'PX', ttl_ms)
return 1
