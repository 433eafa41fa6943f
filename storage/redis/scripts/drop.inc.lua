-- hex is the id of which these are the bytes.
local function hex(bytes)
  return (string.gsub(bytes, '.', function(c) return string.format('%02x', string.byte(c)) end))
end

-- find returns a token, whose it is, and every index entry of it; nothing if it is
-- not there. It looks at each key, so that one that is on its way to another
-- server of a cluster is noticed before anything is written.
local function find(prefix, bytes)
  local id = hex(bytes)
  local key = prefix .. 'pat:' .. id
  local r = redis.call('HMGET', key, 'owner', 'level_id', 'name', 'lineage', 'record')
  if not r[1] then return nil end
  local holder, organization = r[2] or r[1], string.sub(r[5], 2, 17) -- the first of the packed texts
  local token = {
    id = id, bytes = bytes, key = key, organization = organization, owner = r[1], name = r[3],
    names = prefix .. 'names:' .. holder, live = prefix .. 'live:' .. holder, owned = prefix .. 'owned:' .. r[1],
    by_created = prefix .. 'org:' .. hex(organization) .. ':by_created', managed = prefix .. 'org:' .. hex(organization) .. ':managed', kids = {},
  }
  for ancestor in string.gmatch(r[4] or '', '%x+') do token.kids[#token.kids + 1] = prefix .. 'kids:' .. ancestor end
  redis.call('EXISTS', token.names, token.live, token.owned, token.by_created, token.managed, unpack(token.kids))
  return token
end

-- drop removes what find found.
local function drop(token)
  redis.call('DEL', token.key)
  redis.call('HDEL', token.names, token.name)
  redis.call('ZREM', token.live, token.bytes)
  redis.call('SREM', token.owned, token.bytes)
  redis.call('ZREM', token.by_created, token.bytes)
  redis.call('ZREM', token.managed, token.bytes)
  for _, kids in ipairs(token.kids) do redis.call('SREM', kids, token.bytes) end
end
