local index = KEYS[1]
local principal, base, bus = unpack(ARGV)

local sids, amended = {}, {}
for _, sid in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local record = base .. 's:' .. sid
  if is_there(index, record) then
    local bytes = redis.call('GET', record)
    local parts = split(known(bytes))
    parts.principal = principal
    local head = string.sub(bytes, 1, 12) .. raised(bytes) .. string.sub(bytes, 21, 96)
    sids[#sids + 1], amended[#amended + 1] = sid, join(head, parts)
  end
end
publish(bus, 'changed', sids)
for i, sid in ipairs(sids) do redis.call('SET', base .. 's:' .. sid, amended[i], 'KEEPTTL') end
return {DONE, #sids}
