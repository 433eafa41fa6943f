#!lua
-- Events of another store, under ids that tell whether one is there already.
-- KEYS audit epoch  ARGV (id event)…
for i = 1, #ARGV, 2 do
  if #redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i]) == 0 then redis.call('XADD', KEYS[1], ARGV[i], 'event', ARGV[i + 1]) end
end
return {'OK', redis.call('GET', KEYS[2]) or 0}
