-- Takes one count back, never below zero. Stored as: count | window's end (ms)
-- KEYS: 1 counter
-- ARGV: 1 now (ms)
-- Result: none

local count, ends = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+)|(%d+)$')
if count and tonumber(count) > 0 and tonumber(ends) > tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], count - 1 .. '|' .. ends, 'KEEPTTL')
end
