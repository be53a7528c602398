-- Ends one session.
-- KEYS: 1 session, 2 account, 3 set of sessions
-- ARGV: 1 now (ms), 2 sid
-- Result: { sid, { client, … } } if it was live, else nil

local session = read_session(KEYS[1], read_account(KEYS[2]), tonumber(ARGV[1]))
local ended = end_session(KEYS[3], KEYS[1], ARGV[2])
return session and ended
