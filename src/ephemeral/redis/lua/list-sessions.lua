-- Lists a page of the live sessions of an account, the newest first; removes those that have ended.
-- KEYS: 1 account, 2 set of sessions
-- ARGV: 1 now (ms), 2 key prefix of the account's sessions, 3 how many, 4 created at (s) of the one before or '',
--       5 its sid or ''
-- Result: { { record, last seen (ms), absolute expiry (s), 1 where it is a browser's }, … }

local account = read_account(KEYS[1])
local after = ARGV[5] ~= '' and { created_at = tonumber(ARGV[4]), sid = ARGV[5] }

local function older(a, b)
  if a.created_at == b.created_at then
    return a.sid < b.sid
  end
  return a.created_at < b.created_at
end

local live = {}
for _, sid in ipairs(redis.call('ZRANGE', KEYS[2], -SESSIONS_AT_ONCE, -1)) do
  local session = read_session(ARGV[2] .. sid, account, tonumber(ARGV[1]))
  if not session then
    end_session(KEYS[2], ARGV[2] .. sid, sid)
  else
    session.sid = sid
    if not after or older(session, after) then
      live[#live + 1] = session
    end
  end
end
table.sort(live, function(a, b)
  return older(b, a)
end)

local page = {}
for i = 1, math.min(#live, tonumber(ARGV[3])) do
  page[i] = session_reply(live[i])
end
return page
