package explore

import (
	"context"

	"example.org/knockc/compiler"
)

// Lost is what sources of a knock lose when another policy is loaded.
type Lost struct {
	Knock string
	Way   Way // to the open door, with the old rules; nil: none was found

	// Unfound are services where the new rules do not find an open door, see
	// [compiler.Symbols.Unfound], unless something puts it into their guard of doors, as
	// `knockc apply` does. With none, the knock begins again: its door shuts for everyone,
	// and nobody has done any step.
	Unfound []compiler.Point
}

// Losses are those of each knock when a policy takes the place of another. With another
// table, all knocks begin again.
func Losses(ctx context.Context, old, is *compiler.Result, limit int) (all []Lost, err error) {
	for _, k := range old.Policy.Knocks {
		name := k.Name.Text
		was, _ := old.Symbols.Grant(name)
		now, stays := is.Symbols.Grant(name)
		lost := Lost{Knock: name}
		if stays && was == now && old.Ruleset.Table == is.Ruleset.Table {
			if lost.Unfound = is.Symbols.Unfound(old.Symbols, name); lost.Unfound == nil {
				continue
			}
		}
		if lost.Way, _, err = Ways(ctx, old, k, limit); err != nil {
			return nil, err
		}
		all = append(all, lost)
	}
	return all, nil
}
