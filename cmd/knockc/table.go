package main

import (
	"flag"

	"example.org/knockc/lang"
)

// tableFlag declares the flag for those who have given their table another name.
func tableFlag(flags *flag.FlagSet) *string {
	return flags.String("table", lang.DefaultTable, "use the table `NAME`, as given in the policy")
}
