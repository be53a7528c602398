-- Ends the grants of one client in all sessions of an account, and what waits to become one: codes that were opened before
-- are refused in every session.
-- KEYS: 1 account, 2 set of sessions
-- ARGV: 1 now (ms), 2 key prefix of the account's sessions, 3 client
-- Result: the sids of the sessions in which it had one

local account = read_account(KEYS[1])
local concerned = {}
for _, sid in ipairs(redis.call('ZRANGE', KEYS[2], -SESSIONS_AT_ONCE, -1)) do
  local key, is_concerned = ARGV[2] .. sid, false
  local session = read_session(key, account, tonumber(ARGV[1]))
  if session then
    redis.call('HINCRBY', key, 'x', 1)
    for _, one in ipairs(all_grants(key)) do
      local terms = terms_of(session, one.grant)
      if terms and terms[1] == ARGV[3] then
        is_concerned = true
        end_grant(KEYS[2], key, sid, session, one.id)
      end
    end
  end
  if is_concerned then
    concerned[#concerned + 1] = sid
  end
end
return concerned
