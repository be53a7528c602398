-- Fragment: an authorization code, in lines: the head; the client; what the grant is to have of its own; the record.
-- Head of one that waits: 'o' | expires at (ms) | sid | binding | thumbprint or '' | '1' where it gives a refresh token |
-- how often grants were withdrawn. Of one that was redeemed: 'u' | expires at (ms) | sid | binding | grant id

local REDEEMED_TTL_MS = 10 * 60 * 1000

local function read_code(key, now)
  local head, client, own, record = string.match(redis.call('GET', key) or '', '^([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$')
  local parts = {}
  for part in string.gmatch(head or '', '([^|]*)|?') do
    parts[#parts + 1] = part
  end
  local expires = tonumber(parts[2])
  if not expires or expires <= now then
    return nil
  end
  local code = { is_redeemed = parts[1] == 'u', sid = parts[3], binding = parts[4], client = client, own = own, record = record }
  if code.is_redeemed then
    code.grant_id = parts[5]
  else
    code.jkt, code.is_renewable, code.withdrawn = parts[5], parts[6] == '1', parts[7]
  end
  return code
end

local function write_code(key, head, code, ttl_ms)
  redis.call('SET', key, table.concat({ table.concat(head, '|'), code.client, code.own, code.record }, '\n'), 'PX', ttl_ms)
end
