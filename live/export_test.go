package live

// For the tests outside.
var (
	ElsewherePolicies = elsewherePolicies
	CasePolicies      = casePolicies
)
