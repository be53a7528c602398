-- The clients that have had a grant in a live session of an account, or in all of them.
-- KEYS: 1 account, 2 set of sessions
-- ARGV: 1 now (ms), 2 key prefix of the account's sessions, 3 sid or ''
-- Result: { { sid, { client, … } }, … }

local account = read_account(KEYS[1])
local sids = ARGV[3] ~= '' and { ARGV[3] } or redis.call('ZRANGE', KEYS[2], -SESSIONS_AT_ONCE, -1)
local live = {}
for _, sid in ipairs(sids) do
  if read_session(ARGV[2] .. sid, account, tonumber(ARGV[1])) then
    live[#live + 1] = { sid, clients_of(ARGV[2] .. sid) }
  end
end
return live
