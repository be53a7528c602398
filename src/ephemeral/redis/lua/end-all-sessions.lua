-- Ends all sessions of an account but one, and raises its session epoch: what is being opened at this moment
-- under the old epoch is refused.
-- KEYS: 1 account, 2 set of sessions
-- ARGV: 1 now (ms), 2 key prefix of the account's sessions, 3 sid to keep or ''
-- Result: the live ones that were ended, { { sid, { client, … } }, … }

local account = read_account(KEYS[1])
local epoch = raise_epoch(KEYS[1], 'e')
local kept_key = ARGV[2] .. ARGV[3]
if ARGV[3] ~= '' and read_session(kept_key, account, tonumber(ARGV[1])) then
  redis.call('HSET', kept_key, 'e', epoch)
end

-- Any session beyond that number has ended with the epoch.
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -SESSIONS_AT_ONCE - 1)
local ended = {}
for _, sid in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if sid ~= ARGV[3] then
    local was_live = read_session(ARGV[2] .. sid, account, tonumber(ARGV[1]))
    local one = end_session(KEYS[2], ARGV[2] .. sid, sid)
    if was_live then
      ended[#ended + 1] = one
    end
  end
end
return ended
