#!lua
-- Keeps a value until it expires. It may be repeated. In front of what is kept stands
-- "v", or, once it was taken, "t" and the operation that took it.
-- KEYS value epoch  ARGV op retry milliseconds value
local epoch = redis.call('GET', KEYS[2]) or 0
redis.call('SET', KEYS[1], 'v' .. ARGV[4], 'PX', ARGV[3])
return {'OK', epoch}
