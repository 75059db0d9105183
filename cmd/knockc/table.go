package main

import "flag"

// tableFlag declares the flag for those who have several policies loaded.
func tableFlag(flags *flag.FlagSet) *string {
	return flags.String("table", "", "work on the table, or the fragment, with this `NAME`")
}
