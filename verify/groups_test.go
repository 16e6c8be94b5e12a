package verify

import (
	"net/netip"
	"testing"

	"signet/internal/quota"
	"signet/internal/threepid"
)

// samples are requests from everybody who may ask, for an e-mail address and a number.
func samples(t *testing.T) (all []asking) {
	t.Helper()
	mail, err := threepid.ParseEmail("alice+shop@example.org")
	if err != nil {
		t.Fatal(err)
	}
	number, err := threepid.ParsePhone("+12015550123", "US")
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []threepid.Address{mail, number} {
		for _, caller := range []Caller{Page, Account("@alice:hs.example"), Homeserver("hs.example")} {
			for standing := Newcomer; standing <= Own; standing++ {
				for _, client := range []string{"192.0.2.1", "2001:db8::1"} {
					all = append(all, asking{
						Request:  Request{Address: address, Caller: caller, User: "@alice:hs.example", Client: netip.MustParseAddr(client)},
						standing: standing, asker: []byte("asker"), newAddress: true,
					})
				}
			}
		}
	}
	return all
}

func lists() [][]budget {
	return [][]budget{emailBudgets, emailLifted, smsBudgets, smsLifted, emailGuesses, emailGuessesLifted, smsGuesses, smsGuessesLifted, challengeBudgets}
}

// Budgets of other subjects share no row, so in one group they would spare nothing, and give
// one fingerprint to subjects that have nothing in common.
func TestBudgetsOfAGroupHaveOneSubject(t *testing.T) {
	for _, a := range samples(t) {
		subjects := map[string]string{}
		for _, list := range lists() {
			for _, b := range list {
				group, _ := b.place()
				subject := b.subject(a)
				if other, seen := subjects[group]; seen && other != subject {
					t.Errorf("%s is in the group %s, where %q is another's subject: %q", b.name, group, other, subject)
				}
				subjects[group] = subject
			}
		}
	}
}

// A leased budget spares its row, which the others of a group would write all the same.
func TestLeasedBudgetsAreAlone(t *testing.T) {
	members, leased := map[string]int{}, map[string]int{}
	for _, b := range Budgets(false) {
		members[b.Group]++
		if float64(b.Limit)/b.Per.Hours() > 1000 {
			leased[b.Group]++
		}
	}
	for group, n := range leased {
		if n != members[group] {
			t.Errorf("%d of %d budgets of %s are leased", n, members[group], group)
		}
	}
	if len(leased) == 0 {
		t.Error("no budget is leased, which tells nothing")
	}
}

// What a request costs the database is its rows: those of a known homeserver's user.
func TestARequestHasFewRows(t *testing.T) {
	byName := map[string]quota.Budget{}
	for _, b := range Budgets(false) {
		byName[b.Name] = b
	}
	for _, a := range samples(t) {
		if a.standing != Known || a.Caller == Page {
			continue
		}
		rows := map[string]bool{}
		charges := a.tariff().charges(a, false)
		for _, c := range charges {
			rows[byName[c.Budget].Group+" "+c.Subject] = true
		}
		if a.Address.Medium() == threepid.Email && len(rows) > 7 || len(rows) > 9 {
			t.Errorf("%d charges for %s are in %d rows: %v", len(charges), a.Address.Medium(), len(rows), rows)
		}
	}
}
