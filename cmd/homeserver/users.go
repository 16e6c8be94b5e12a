package main

import (
	"fmt"
	"text/tabwriter"

	"signet/internal/config"
	"signet/internal/homeserver/account"
	"signet/internal/matrix"
	"signet/internal/program"
)

type usersCommands struct {
	Create     usersCreate     `cmd:"" help:"Make an account, whether or not the server takes registrations."`
	List       usersList       `cmd:"" help:"List the accounts."`
	Deactivate usersDeactivate `cmd:"" help:"End an account for good, with all its devices. Nobody can have its name again."`
}

// withAccounts opens the accounts for one command.
func withAccounts(env program.Env, do func(*account.Accounts) error) error {
	cfg, err := load(env.ConfigFile)
	if err != nil {
		return err
	}
	return homeserver.WithStorage(env, func(s *program.Storage) error {
		o, err := accountOptions(env, s, cfg)
		if err != nil {
			return err
		}
		accounts, err := account.New(env.Ctx, o)
		if err != nil {
			return err
		}
		return do(accounts)
	})
}

type usersCreate struct {
	Name         string `arg:"" help:"Localpart of the user id, such as alice."`
	PasswordFile string `placeholder:"FILE" help:"File of the password, from 8 to 512 octets. Without it one is made and shown."`
	Admin        bool   `help:"Make it an administrator's."`
}

// Run makes an account and says its password if that was made too.
func (c usersCreate) Run(env program.Env) error {
	wish := account.NewUser{Name: c.Name, Admin: c.Admin, Password: account.RandomPassword()}
	if c.PasswordFile != "" {
		var err error
		if wish.Password, err = config.Secret(c.PasswordFile, ""); err != nil {
			return err
		}
	}
	return withAccounts(env, func(a *account.Accounts) error {
		user, err := a.CreateUser(env.Ctx, wish)
		if err != nil {
			return fmt.Errorf("%q: %w", c.Name, err)
		}
		fmt.Fprintln(env.Stdout, user)
		if c.PasswordFile == "" {
			fmt.Fprintln(env.Stdout, "password:", wish.Password)
		}
		return nil
	})
}

type usersList struct{}

// usersAtATime is how many accounts are read in a step.
const usersAtATime = 1000

// Run lists all accounts.
func (usersList) Run(env program.Env) error {
	return withAccounts(env, func(a *account.Accounts) error {
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "USER\tCREATED\tDEVICES\tSTATE")
		for after := matrix.UserID(""); ; {
			users, err := a.Users(env.Ctx, after, usersAtATime)
			if err != nil {
				return err
			}
			for _, u := range users {
				fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", u.ID, program.Moment(u.Created), u.Devices, userState(u))
				after = u.ID
			}
			if len(users) < usersAtATime {
				return w.Flush()
			}
		}
	})
}

func userState(u account.User) string {
	switch {
	case u.Erase:
		return "deactivated and to be erased " + program.Moment(u.Deactivated)
	case !u.Deactivated.IsZero():
		return "deactivated " + program.Moment(u.Deactivated)
	case u.Admin:
		return "administrator"
	}
	return "active"
}

type usersDeactivate struct {
	Name  string `arg:"" help:"User id or localpart."`
	Erase bool   `help:"Delete the account's data too, and show its messages to nobody who has not seen them."`
}

// Run deactivates an account.
func (c usersDeactivate) Run(env program.Env) error {
	return withAccounts(env, func(a *account.Accounts) error {
		user, err := a.FindUser(c.Name)
		if err == nil {
			err = a.DeactivateUser(env.Ctx, user, c.Erase)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", c.Name, err)
		}
		_, err = fmt.Fprintln(env.Stdout, user, "is deactivated")
		return err
	})
}
