package console

import "maps"

// platformPages are what administrators of the organization and of the platform look
// at and decide.
func platformPages(dev bool) map[string]page {
	all := map[string]page{
		"policy":           {get: (*visit).policy, post: (*visit).policy},
		"inactivity":       {get: (*visit).inactivity},
		"audit":            {get: (*visit).audit},
		"audit/activity":   {get: (*visit).showActivity},
		"keys":             {get: (*visit).listKeys},
		"keys/rotate":      {get: (*visit).rotateKeys, post: (*visit).rotateKeys},
		"keys/{id}/revoke": {get: (*visit).revokeKey, post: (*visit).revokeKey},
		"services":         {get: (*visit).services},
	}
	if dev {
		maps.Copy(all, map[string]page{
			"components":     {get: (*visit).components},
			"components/ask": {get: func(x *visit) error { return x.ask(sampleAsk()) }},
		})
	}
	return all
}
