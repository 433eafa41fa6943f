#!lua flags=allow-oom
-- Takes a value away and answers it. For a moment it stays behind under the name of
-- the operation, which is answered likewise if it is repeated, and nobody else is.
-- KEYS value epoch  ARGV op retry milliseconds
local epoch = redis.call('GET', KEYS[2]) or 0
local value = redis.call('GET', KEYS[1])
if not value then return {'NOTFOUND', epoch} end
local mark = 't' .. ARGV[1]
if string.sub(value, 1, 1) == 'v' then
  redis.call('SET', KEYS[1], mark .. string.sub(value, 2), 'PX', ARGV[3])
  return {'OK', epoch, string.sub(value, 2)}
end
if string.sub(value, 1, #mark) ~= mark then return {'NOTFOUND', epoch} end
return {'OK', epoch, string.sub(value, #mark + 1)}
