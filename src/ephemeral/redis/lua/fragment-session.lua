-- Fragment: the session hash, and the set of an account's sessions (sid, scored by when it ends if it is not used
-- again, in ms). The set never has more than SESSIONS_AT_ONCE members, so a script that walks it is short.
-- d: record, i: idle seconds, a: absolute expiry (s), c: created at (s), s: last seen (ms), e: session epoch, k: hash of
-- the browser's key, where it has one, x: how often grants were withdrawn, cl: the clients that have had a grant, one a
-- line, g:<grant id>: one grant (`fragment-grant.lua`).
-- Session keys that are found through the set share its hash tag, and so its slot.

local SESSIONS_AT_ONCE = 100

-- Nil where it has ended, or is not whole. The epoch is compared too: the set may have lost the session, to an eviction or while its
-- slot was moving, and the session must still end when all sessions are ended. `grant_id` may be nil.
local function read_session(key, account, now, grant_id)
  local stored = redis.call('HMGET', key, 'd', 'i', 'a', 'c', 's', 'e', 'k', 'g:' .. (grant_id or ''))
  for i = 1, 6 do
    if not stored[i] then
      return nil
    end
  end
  local session = {
    record = stored[1],
    idle_ms = tonumber(stored[2]) * 1000,
    absolute_at = tonumber(stored[3]),
    created_at = tonumber(stored[4]),
    seen = tonumber(stored[5]),
    browser_key = stored[7],
    grant = stored[8],
  }
  if
    now >= session.absolute_at * 1000
    or now >= session.seen + session.idle_ms
    or tonumber(stored[6]) < account.session_epoch
  then
    return nil
  end
  return session
end

-- When it ends if it is not used again.
local function ends_at(session)
  return math.min(session.seen + session.idle_ms, session.absolute_at * 1000)
end

-- Begins the idle time anew; a clock that is behind takes nothing back. More fields and their values may be written with it.
local function use_session(set_key, key, sid, session, now, ...)
  session.seen = math.max(session.seen, now)
  redis.call('HSET', key, 's', session.seen, ...)
  redis.call('PEXPIRE', key, math.min(session.idle_ms, session.absolute_at * 1000 - now))
  redis.call('ZADD', set_key, 'XX', ends_at(session), sid)
end

-- What scripts answer of a session: record, last seen (ms), absolute expiry (s), 1 where it is a browser's.
local function session_reply(session)
  return { session.record, session.seen, session.absolute_at, session.browser_key and 1 or 0 }
end

-- The clients that have had a grant in it.
local function clients_of(key)
  local clients = {}
  for client in string.gmatch(redis.call('HGET', key, 'cl') or '', '[^\n]+') do
    clients[#clients + 1] = client
  end
  return clients
end

-- Returns what scripts answer of a session that was ended: { sid, { client, … } }.
local function end_session(set_key, key, sid)
  local clients = clients_of(key)
  redis.call('DEL', key)
  redis.call('ZREM', set_key, sid)
  return { sid, clients }
end

-- Ends the sessions that would end first, so that `keep` of them are left; those of them that were live are added to
-- `ended`. Sessions that have expired are removed before that, with their keys: no replica may use a session that another
-- one no longer lists.
local function make_room(set_key, key_prefix, keep, account, now, ended)
  local expired = redis.call('ZRANGEBYSCORE', set_key, '-inf', now, 'LIMIT', 0, SESSIONS_AT_ONCE)
  for _, sid in ipairs(expired) do
    end_session(set_key, key_prefix .. sid, sid)
  end
  local beyond = math.min(redis.call('ZCARD', set_key) - keep, SESSIONS_AT_ONCE)
  if beyond <= 0 then
    return
  end
  for _, sid in ipairs(redis.call('ZRANGE', set_key, 0, beyond - 1)) do
    local was_live = read_session(key_prefix .. sid, account, now)
    local one = end_session(set_key, key_prefix .. sid, sid)
    if was_live then
      ended[#ended + 1] = one
    end
  end
end
