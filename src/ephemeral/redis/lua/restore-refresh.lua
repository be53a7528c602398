-- Puts the previous refresh token's hash back, if the one that replaced it is still the current one. Its renewal may not
-- have been recorded, so the next one is to be.
-- KEYS: 1 session
-- ARGV: 1 current hash, 2 previous hash
-- Result: none

if redis.call('HGET', KEYS[1], 'r') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'r', ARGV[2])
  redis.call('HDEL', KEYS[1], 'n')
end
