-- Makes the refresh token's hash that was presented the current one again, if the one that replaced it still is. Its renewal
-- may not have been recorded, so the next one is to be. None is before it: who has presented it has received it.
-- KEYS: 1 session
-- ARGV: 1 grant id, 2 hash that replaced it, 3 presented hash
-- Result: none

local grant = read_grant(redis.call('HGET', KEYS[1], 'g:' .. ARGV[1]))
if grant and grant.refresh_hash == ARGV[2] then
  grant.refresh_hash, grant.before_hash, grant.recorded_at = ARGV[3], '', ''
  write_grant(KEYS[1], ARGV[1], grant)
end
