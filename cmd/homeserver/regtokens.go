package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/program"
)

type regTokenCommands struct {
	Create regTokenCreate `cmd:"" help:"Make a token. It has effect where registration.flows has the stage m.login.registration_token."`
	List   regTokenList   `cmd:"" help:"List the tokens, the oldest first."`
	Revoke regTokenRevoke `cmd:"" help:"End a token. The accounts made by it stay."`
}

type regTokenCreate struct {
	Token string        `arg:"" optional:"" help:"1 to 64 characters of A-Z a-z 0-9 . _ ~ -; without it one is made."`
	Uses  int           `help:"How many accounts it makes at most; 0 is any number."`
	For   time.Duration `placeholder:"DURATION" help:"How long it is good, such as 72h; without it for ever."`
}

// Run makes a token and shows it.
func (c regTokenCreate) Run(env program.Env) error {
	wish := account.RegistrationToken{Token: c.Token, Limit: c.Uses}
	if c.For < 0 {
		return errors.New("--for must not be negative")
	}
	if c.For > 0 {
		wish.Expires = env.Now().Add(c.For)
	}
	return withAccounts(env, func(a *account.Accounts) error {
		made, err := a.CreateRegistrationToken(env.Ctx, wish)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(env.Stdout, made.Token)
		return err
	})
}

type regTokenList struct{}

// Run lists all tokens.
func (regTokenList) Run(env program.Env) error {
	return withAccounts(env, func(a *account.Accounts) error {
		tokens, err := a.RegistrationTokens(env.Ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "TOKEN\tCREATED\tEXPIRES\tUSED\tOF")
		for _, t := range tokens {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", t.Token, program.Moment(t.Created), program.Moment(t.Expires), t.Used, limitOf(t))
		}
		return w.Flush()
	})
}

func limitOf(t account.RegistrationToken) string {
	if t.Limit == 0 {
		return "-"
	}
	return fmt.Sprint(t.Limit)
}

type regTokenRevoke struct {
	Token string `arg:"" help:"The token."`
}

// Run ends a token.
func (c regTokenRevoke) Run(env program.Env) error {
	return withAccounts(env, func(a *account.Accounts) error {
		if err := a.RevokeRegistrationToken(env.Ctx, c.Token); err != nil {
			return err
		}
		_, err := fmt.Fprintln(env.Stdout, "the token is revoked")
		return err
	})
}
