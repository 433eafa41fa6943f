#!lua flags=allow-oom
-- Some fields of a hash. It writes nothing, and is no read-only script all the
-- same: a replica has to refuse it.
-- KEYS hash epoch  ARGV field…
return {'OK', redis.call('GET', KEYS[2]) or 0, redis.call('HMGET', KEYS[1], unpack(ARGV))}
