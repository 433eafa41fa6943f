#!lua flags=allow-oom
-- Logins given up, each only if what is stored of it still begins as expected.
-- KEYS logins epoch  ARGV (field expected)…
for i = 1, #ARGV, 2 do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  if held and string.sub(held, 1, #ARGV[i + 1]) == ARGV[i + 1] then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
return {'OK', redis.call('GET', KEYS[2]) or 0}
