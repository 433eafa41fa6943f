#!lua flags=allow-oom
-- A value that has not expired and was not taken. It writes nothing, and is no
-- read-only script all the same: a replica has to refuse it.
-- KEYS value epoch
local epoch = redis.call('GET', KEYS[2]) or 0
local value = redis.call('GET', KEYS[1])
if not value or string.sub(value, 1, 1) ~= 'v' then return {'NOTFOUND', epoch} end
return {'OK', epoch, string.sub(value, 2)}
