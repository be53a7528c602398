-- Counts one; the first count opens the window. Stored as: count | window's end (ms)
-- KEYS: 1 counter
-- ARGV: 1 now (ms), 2 window (ms)
-- Result: { count, milliseconds until the window ends }

local now, window_ms = tonumber(ARGV[1]), tonumber(ARGV[2])
local count, ends = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+)|(%d+)$')
if not count or tonumber(ends) <= now then
  redis.call('SET', KEYS[1], '1|' .. now + window_ms, 'PX', window_ms)
  return { 1, window_ms }
end
redis.call('SET', KEYS[1], count + 1 .. '|' .. ends, 'KEEPTTL')
return { count + 1, tonumber(ends) - now }
