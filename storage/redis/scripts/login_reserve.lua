#!lua
-- All of the wanted logins, or none, for one identity; and what is stored of
-- those that it will give up.
-- KEYS logins epoch  ARGV id nonce lease wanted field×wanted field…
--include clock
local epoch = redis.call('GET', KEYS[2]) or 0
local last = 4 + tonumber(ARGV[4])
for i = 5, last do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  if held and string.sub(held, 1, 32) ~= ARGV[1] then return {'TAKEN', epoch, now, ARGV[i], held} end
end
local mine = string.format('%s %.0f %s', ARGV[1], now, ARGV[2])
for i = 5, last do redis.call('HSET', KEYS[1], ARGV[i], mine) end
local given = {}
for i = last + 1, #ARGV do given[#given + 1] = redis.call('HGET', KEYS[1], ARGV[i]) end
return {'OK', epoch, string.format('%.0f', now + ARGV[3]), given}
