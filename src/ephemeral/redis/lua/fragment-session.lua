-- Fragment: the session hash, and the set of an account's sessions (sid, scored by when it ends if it is not used
-- again, in ms). The set never has more than SESSIONS_AT_ONCE members, so a script that walks it is short.
-- d: record, i: idle seconds, a: absolute expiry (s), c: created at (s), s: last seen (ms), e: session
-- epoch, rf and r: hashes of the refresh token's family and rotating part, n: when (ms) a renewal was last to be
-- recorded, w: from which address the last renewal came.
-- Session keys that are found through the set share its hash tag, and so its slot.

local SESSIONS_AT_ONCE = 100

-- Nil where it has ended, or is not whole. The epoch is compared too: the set may have lost the session, to an eviction or while its
-- slot was moving, and the session must still end when all sessions are ended.
local function read_session(key, account, now)
  local stored = redis.call('HMGET', key, 'd', 'i', 'a', 'c', 's', 'e')
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

-- Begins the idle time anew; a clock that is behind takes nothing back.
local function use_session(set_key, key, sid, session, now)
  session.seen = math.max(session.seen, now)
  redis.call('HSET', key, 's', session.seen)
  redis.call('PEXPIRE', key, math.min(session.idle_ms, session.absolute_at * 1000 - now))
  redis.call('ZADD', set_key, 'XX', ends_at(session), sid)
end

-- What scripts answer of a session: record, last seen (ms), absolute expiry (s).
local function session_reply(session)
  return { session.record, session.seen, session.absolute_at }
end

local function end_session(set_key, key, sid)
  redis.call('DEL', key)
  redis.call('ZREM', set_key, sid)
end

local function end_sessions(set_key, key_prefix, sids)
  for _, sid in ipairs(sids) do
    end_session(set_key, key_prefix .. sid, sid)
  end
end

-- Ends the sessions that would end first, so that `keep` of them are left. Sessions that have expired are removed
-- before that, with their keys: no replica may use a session that another one no longer lists.
local function make_room(set_key, key_prefix, keep, now)
  local ended = redis.call('ZRANGEBYSCORE', set_key, '-inf', now, 'LIMIT', 0, SESSIONS_AT_ONCE)
  end_sessions(set_key, key_prefix, ended)
  local beyond = math.min(redis.call('ZCARD', set_key) - keep, SESSIONS_AT_ONCE)
  if beyond > 0 then
    end_sessions(set_key, key_prefix, redis.call('ZRANGE', set_key, 0, beyond - 1))
  end
end

-- The session that the arguments of `open-session` and `pass` describe, from the third on.
local function session_of(argv)
  return {
    key_prefix = argv[3],
    sid = argv[4],
    record = argv[5],
    idle_seconds = tonumber(argv[6]),
    absolute_at = tonumber(argv[7]),
    created_at = argv[8],
    family_hash = argv[9],
    refresh_hash = argv[10],
    max_sessions = tonumber(argv[11]),
    replaces_sid = argv[12],
    network = argv[13],
  }
end

-- False where all sessions were ended since `epoch` was read. A session that has ended is not replaced: a step-up
-- or an enrollment in it must not bring it back.
local function may_open(account, epoch, session, now)
  if epoch ~= account.session_epoch then
    return false
  end
  local replaced_key = session.key_prefix .. session.replaces_sid
  return session.replaces_sid == '' or read_session(replaced_key, account, now) ~= nil
end

local function open_session(set_key, account, session, now)
  local key = session.key_prefix .. session.sid
  local ttl_ms = math.max(session.absolute_at * 1000 - now, 1)
  if session.replaces_sid ~= '' then
    end_session(set_key, session.key_prefix .. session.replaces_sid, session.replaces_sid)
  end
  make_room(set_key, session.key_prefix, session.max_sessions - 1, now)
  redis.call(
    'HSET', key,
    'd', session.record,
    'i', session.idle_seconds,
    'a', session.absolute_at,
    'c', session.created_at,
    's', now,
    'e', account.session_epoch,
    'rf', session.family_hash,
    'r', session.refresh_hash
  )
  redis.call('PEXPIRE', key, math.min(session.idle_seconds * 1000, ttl_ms))
  redis.call('ZADD', set_key, now + math.min(session.idle_seconds * 1000, ttl_ms), session.sid)
  -- The set lives as long as the latest of its sessions.
  if redis.call('PTTL', set_key) < ttl_ms then
    redis.call('PEXPIRE', set_key, ttl_ms)
  end
end
