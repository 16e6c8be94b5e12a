package event

import (
	"errors"
	"iter"
)

// Value is a value in canonical JSON, as content holds it; nil is one that is not there.
// Asking a value of another kind is answered as if nothing were there.
type Value []byte

// Field is a member of the event's content.
func (e *Event) Field(name string) Value { return Value(e.at(e.content)).Field(name) }

// Exists tells whether there is a value. null is one.
func (v Value) Exists() bool { return v != nil }

// IsObject tells whether the value is an object.
func (v Value) IsObject() bool { return isObject(v) }

// Field is a member of an object.
func (v Value) Field(name string) Value {
	for key, value := range v.raw() {
		if string(unquoted(key)) == name {
			return value
		}
	}
	return nil
}

// Members are the members of an object.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for key, value := range v.raw() {
			if !yield(string(unquoted(key)), value) {
				return
			}
		}
	}
}

// Elements are the elements of an array; false if the value is none.
func (v Value) Elements() ([]Value, bool) {
	var values []Value
	err := eachElement(v, func(value []byte) error {
		values = append(values, value)
		return nil
	})
	return values, err == nil
}

// Text is what a string spells; false if the value is none.
func (v Value) Text() (string, bool) { return string(unquoted(v)), isText(v) }

// Without is an object without some of its members.
func (v Value) Without(names ...string) Value {
	members, _ := split(v)
	return members.without(names...).bytes()
}

// raw are the members of an object, their keys still quoted.
func (v Value) raw() iter.Seq2[[]byte, Value] {
	return func(yield func([]byte, Value) bool) {
		// The error is that of what is no object, or that of the stop.
		_ = eachMember(v, func(m member, _ int) error {
			if !yield(m.key, m.value) {
				return errStop
			}
			return nil
		})
	}
}

// errStop ends a walk over members before its end.
var errStop = errors.New("no more members are wanted")
