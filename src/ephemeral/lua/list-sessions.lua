-- Lists the live sessions of an account, and forgets those that have ended.
-- KEYS: 1 account, 2 set of sessions
-- ARGV: 1 now (ms), 2 key prefix of the account's sessions
-- Result: { { record, last seen (ms), absolute expiry (s) }, … }

local account = read_account(KEYS[1])
local live = {}
for _, sid in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local session = read_session(ARGV[2] .. sid, account, tonumber(ARGV[1]))
  if session then
    live[#live + 1] = told(session)
  else
    end_session(KEYS[2], ARGV[2] .. sid, sid)
  end
end
return live
