-- pack joins texts of an event as the product does, but for its short forms.
local function pack(texts)
  for i, text in ipairs(texts) do texts[i] = (text == '' and '' or #text) .. ':' .. text end
  return table.concat(texts)
end
