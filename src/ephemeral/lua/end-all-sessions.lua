-- Ends all sessions of an account but one, and raises its session epoch: whatever is being opened at
-- this moment under the old one comes too late.
-- KEYS: 1 account, 2 set of sessions
-- ARGV: 1 now (ms), 2 key prefix of the account's sessions, 3 sid to keep or ''
-- Result: how many live ones were ended

local account = read_account(KEYS[1])
local epoch = raise_epoch(KEYS[1], 'e')
local ended = 0
for _, sid in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local key = ARGV[2] .. sid
  local session = read_session(key, account, tonumber(ARGV[1]))
  if session and sid == ARGV[3] then
    redis.call('HSET', key, 'e', epoch)
  else
    end_session(KEYS[2], key, sid)
    ended = ended + (session and 1 or 0)
  end
end
return ended
