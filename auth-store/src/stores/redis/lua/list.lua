-- Returns the ids and records of this subject's sign-ins.
local index, base, found, missing = KEYS[1], ARGV[1], {}, {}
for _, sid in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local record = base .. 's:' .. sid
  if both_exist(index, record) then
    found[#found + 1] = sid
    found[#found + 1] = redis.call('GET', record)
  else
    missing[#missing + 1] = sid
  end
end
forget(index, missing)
return found
