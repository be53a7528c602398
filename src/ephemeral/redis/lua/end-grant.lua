-- Ends one grant, and a session that is no browser's with its last one.
-- KEYS: 1 session, 2 account, 3 set of sessions
-- ARGV: 1 now (ms), 2 sid, 3 grant id
-- Result: { session's record, what the grant has of its own, ended session as { sid, { client, … } } or nothing }, or nil

local session = read_session(KEYS[1], read_account(KEYS[2]), tonumber(ARGV[1]), ARGV[3])
local grant = session and read_grant(session.grant)
if not grant then
  return nil
end
return { session.record, grant.own, end_grant(KEYS[3], KEYS[1], ARGV[2], session, ARGV[3]) }
