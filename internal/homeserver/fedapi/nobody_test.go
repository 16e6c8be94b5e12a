package fedapi_test

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	others "signet/internal/homeserver/remote"
	"signet/internal/matrix"
)

// nobody is a network in which no other server answers.
type nobody struct{}

func (nobody) MakeJoin(context.Context, matrix.ServerName, matrix.RoomID, matrix.UserID, []string) (t others.Template, err error) {
	return t, fedclient.ErrUnreachable
}

func (nobody) SendJoin(context.Context, matrix.ServerName, matrix.RoomID, string, jsontext.Value) (j others.Joined, err error) {
	return j, fedclient.ErrUnreachable
}

func (nobody) MakeLeave(context.Context, matrix.ServerName, matrix.RoomID, matrix.UserID) (t others.Template, err error) {
	return t, fedclient.ErrUnreachable
}

func (nobody) SendLeave(context.Context, matrix.ServerName, matrix.RoomID, string, jsontext.Value) error {
	return fedclient.ErrUnreachable
}

func (nobody) MakeKnock(context.Context, matrix.ServerName, matrix.RoomID, matrix.UserID, []string) (t others.Template, err error) {
	return t, fedclient.ErrUnreachable
}

func (nobody) SendKnock(context.Context, matrix.ServerName, matrix.RoomID, string, jsontext.Value) ([]jsontext.Value, error) {
	return nil, fedclient.ErrUnreachable
}

func (nobody) Invite(context.Context, matrix.ServerName, others.Invitation) (jsontext.Value, error) {
	return nil, fedclient.ErrUnreachable
}

func (nobody) StateIDs(context.Context, matrix.ServerName, matrix.RoomID, string) (s others.StateIDs, err error) {
	return s, fedclient.ErrUnreachable
}

func (nobody) State(context.Context, matrix.ServerName, matrix.RoomID, string) (s others.State, err error) {
	return s, fedclient.ErrUnreachable
}

func (nobody) Event(context.Context, matrix.ServerName, string) (jsontext.Value, error) {
	return nil, fedclient.ErrUnreachable
}

func (nobody) EventAuth(context.Context, matrix.ServerName, matrix.RoomID, string) ([]jsontext.Value, error) {
	return nil, fedclient.ErrUnreachable
}

func (nobody) Backfill(context.Context, matrix.ServerName, matrix.RoomID, []string, int) ([]jsontext.Value, error) {
	return nil, fedclient.ErrUnreachable
}

func (nobody) MissingEvents(context.Context, matrix.ServerName, matrix.RoomID, others.Missing) ([]jsontext.Value, error) {
	return nil, fedclient.ErrUnreachable
}

func (nobody) TimestampToEvent(context.Context, matrix.ServerName, matrix.RoomID, time.Time, bool) (c others.Closest, err error) {
	return c, fedclient.ErrUnreachable
}

func (nobody) ExchangeThirdPartyInvite(context.Context, matrix.ServerName, others.ThirdPartyInvite) error {
	return fedclient.ErrUnreachable
}
