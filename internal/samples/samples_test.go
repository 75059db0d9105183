package samples_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"testing"

	"example.org/knockc/internal/samples"
)

// TestComplete: there is a sample of each type of instruction that the compiler has.
func TestComplete(t *testing.T) {
	sampled := map[string]bool{}
	for _, s := range append(samples.All(), samples.Endings()...) {
		sampled[reflect.TypeOf(s.Instruction).Name()] = true
	}
	types := instructions(t)
	for _, name := range types {
		if !sampled[name] {
			t.Errorf("compiler.%s has no sample", name)
		}
	}
	if len(types) < len(sampled) {
		t.Errorf("found the types %v, and there are samples of %d", types, len(sampled))
	}
}

// instructions are the types that have a method of the interface.
func instructions(t *testing.T) (types []string) {
	t.Helper()
	files, err := filepath.Glob("../../compiler/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no source", err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			types = append(types, embedding(d)...)
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "RunsFor" {
				continue
			}
			if receiver, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
				types = append(types, receiver.Name)
			}
		}
	}
	return types
}

// embedding are the exported types of a declaration that embed another one, and so may have its
// methods. The compiler has none: an instruction is written out.
func embedding(d ast.Decl) (types []string) {
	g, ok := d.(*ast.GenDecl)
	if !ok {
		return nil
	}
	for _, spec := range g.Specs {
		typed, ok := spec.(*ast.TypeSpec)
		if !ok || !typed.Name.IsExported() {
			continue
		}
		if s, ok := typed.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				if len(field.Names) == 0 {
					types = append(types, typed.Name.Name)
				}
			}
		}
	}
	return types
}
