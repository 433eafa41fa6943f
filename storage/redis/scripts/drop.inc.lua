-- drop removes a token and every index entry of it.
local function drop(prefix, id)
  local key = prefix .. 'pat:' .. id
  local r = redis.call('HMGET', key, 'organization', 'owner', 'level', 'level_id', 'name', 'created_by_pat')
  if not r[1] then return false end
  local holder = r[2]
  if r[3] ~= 'personal' then holder = r[4] end
  redis.call('DEL', key)
  redis.call('HDEL', prefix .. 'names:' .. holder, r[5])
  redis.call('ZREM', prefix .. 'live:' .. holder, id)
  redis.call('SREM', prefix .. 'owned:' .. r[2], id)
  redis.call('ZREM', prefix .. 'org:' .. r[1] .. ':by_created', id)
  if r[6] then redis.call('SREM', prefix .. 'kids:' .. r[6], id) end
  return true
end
