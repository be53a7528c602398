-- Ends a pushed request; exactly one caller gets its record.
-- KEYS: 1 pushed request
-- ARGV: 1 now (ms)
-- Result: the record, or nil

local expires, record = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+)|[^|]*|(.*)$')
redis.call('DEL', KEYS[1])
if not expires or tonumber(expires) <= tonumber(ARGV[1]) then
  return nil
end
return record
