package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"signet/internal/daemon"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/clientapi"
	"signet/internal/homeserver/contact"
	"signet/internal/homeserver/departure"
	"signet/internal/homeserver/devicelists"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/roomkeys"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/fedapi"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/keycheck"
	"signet/internal/homeserver/outbound"
	"signet/internal/homeserver/publication"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/resident"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/sso"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/sync"
	"signet/internal/homeserver/thirdparty"
	"signet/internal/homeserver/transaction"
	"signet/internal/homeserver/typing"
	"signet/internal/homeserver/unread"
	"signet/internal/homeserver/userdata"
	"signet/internal/homeserver/userdirectory"
	"signet/internal/homeserver/webclient"
	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/outbox"
	"signet/internal/program"
	"signet/internal/quota"
)

// server is the parts of the program, joined.
type server struct {
	*program.Storage
	cfg          *Config
	log          *slog.Logger
	metrics      *prometheus.Registry
	health       *daemon.Health
	accounts     *account.Accounts
	data         *userdata.Data
	stream       *stream.Committer
	release      func() // the database, for the next process
	departures   *departure.Departures
	peers        peers
	identity     identity
	outbox       *outbox.Outbox
	contacts     *contact.Contacts
	publications *publication.Publications
	checks       *keycheck.Checks // nil where there is no key directory
	people       *userdirectory.Directory
	logins       *sso.Logins // nil where nobody logs in by a code
	signs        *signer
	rooms        *room.Rooms
	receipts     *receipt.Receipts
	typing       *typing.Typing
	unread       *unread.Unread
	inbound      *inbound.Inbound
	thirdParty   *thirdparty.Invites
	transactions *transaction.Desk
	encryption   *e2ee.Encryption
	backups      *roomkeys.Backups
	sync         *sync.Syncer
	quota        *quota.Quota
	meter        *quota.Meter
	clients      http.Handler // the client-server API
	federation   http.Handler // the server-server API
}

func build(f program.Frame) (*server, error) {
	cfg := f.Config.(*Config)
	s := &server{Storage: f.Storage, cfg: cfg, log: f.Log, metrics: prometheus.NewRegistry()}
	s.health = daemon.NewHealth(s.log, map[string]daemon.Check{"database": s.DB.Ping})
	for _, part := range []func(program.Frame) error{s.buildStream, s.buildData, s.buildPeers, s.buildIdentity, s.buildRooms, s.buildSignals, s.buildAccounts, s.buildOutbox, s.buildContacts, s.buildLogins, s.buildThirdParty, s.buildEncryption, s.buildPublication, s.buildTransactions, s.buildSync, s.buildQuota, s.buildClients, s.buildFederation} {
		if err := part(f); err != nil {
			return nil, err
		}
	}
	s.watchQueues(f.Now)
	s.sync.Rouse(f.Ctx)
	return s, nil
}

// buildStream takes the stream over, in which all is written that clients are told of: no
// other process may run on the database.
func (s *server) buildStream(f program.Frame) (err error) {
	if s.release, err = s.DB.Hold(f.Ctx, "homeserver"); err != nil {
		return fmt.Errorf("running on the database alone: %w", err)
	}
	s.stream, err = stream.Open(f.Ctx, s.DB)
	return err
}

func (s *server) buildData(f program.Frame) error {
	s.data = userdata.New(userdata.Options{DB: s.DB, Committer: s.stream, Now: f.Now})
	return nil
}

// write writes the stream until ctx ends, and lets the next process do so.
func (s *server) write(ctx context.Context) error {
	defer s.release()
	return s.stream.Run(ctx)
}

// depart has people leave their rooms whose accounts have ended, until ctx ends.
func (s *server) depart(ctx context.Context) error {
	return s.departures.Run(ctx, func(err error) {
		s.log.Error("leaving the rooms of accounts that have ended", "error", err)
	})
}

// introduce tells other servers of the devices of those who come into their rooms, until ctx
// ends.
func (s *server) introduce(ctx context.Context) error {
	return s.encryption.Run(ctx, func(err error) {
		s.log.Error("telling other servers of the devices of who joined", "error", err)
	})
}

// buildRooms opens the rooms, which take people's names from the data, and are told of new
// ones by them.
func (s *server) buildRooms(f program.Frame) (err error) {
	if s.departures, err = departure.New(f.Ctx, s.DB, s.stream.Visible, f.Now); err != nil {
		return err
	}
	s.rooms, err = room.New(f.Ctx, room.Options{
		DB:         s.DB,
		Stream:     s.stream,
		ServerName: s.cfg.ServerName,
		Now:        f.Now,
		Signer:     s.signs.current,
		Profiles:   profiles{s.data},
		Outgoing:   s.peers.outbound,
		Invitable:  s.invitable,
		Refuse:     s.refuse,
		Erased:     s.departures.Erased,
	})
	s.peers.outbound.Rooms = s.rooms
	s.departures.Join(s.rooms)
	if err != nil {
		return err
	}
	s.inbound = inbound.New(inbound.Options{
		DB:         s.DB,
		Rooms:      s.rooms,
		Remote:     s.peers.remote,
		Keys:       s.peers.keys,
		ServerName: s.cfg.ServerName,
		Signer:     s.signs.current,
		Now:        f.Now,
		Log:        s.log,
	})
	s.rooms.Historian, s.rooms.Bidden = s.inbound, s.inbound.Bidden
	s.inbound.Invited = func(ctx context.Context, by, user matrix.UserID) error {
		return fedapi.ChargeInvitation(ctx, s.quota, by, user)
	}
	return nil
}

// buildSignals makes what people in a room see of each other beside its events, and what
// they have not read of it.
func (s *server) buildSignals(f program.Frame) error {
	told := outbound.NewSignals(s.peers.outbound, s.rooms, s.cfg.ServerName)
	s.receipts = &receipt.Receipts{DB: s.DB, Stream: s.stream, Rooms: s.rooms, Now: f.Now, Outgoing: told}
	s.unread = unread.New(unread.Options{Rooms: s.rooms, Receipts: s.receipts, Rules: s.data})
	s.receipts.Moving, s.data.RulesChange = s.unread.ReceiptMoves, s.unread.RulesChange
	s.typing = typing.New(s.rooms)
	s.typing.Outgoing = told
	s.typing.Join(stream.NewPassingLane(s.stream, s.typing))
	s.rooms.Gone = s.typing.Gone
	return nil
}

func (s *server) buildAccounts(f program.Frame) (err error) {
	o, err := accountOptions(f.Env, s.Storage, s.cfg)
	if err != nil {
		return err
	}
	o.Flows, o.Terms = s.cfg.flows(), s.cfg.terms()
	if at, ok := s.identity.trusted.Default(); ok {
		o.Captchas = captchas{s.identity.client, at}
	}
	if s.accounts, err = account.New(f.Ctx, o); err != nil {
		return err
	}
	s.data.Active, s.receipts.Ended = s.accounts.Active, s.accounts.Ended
	s.people = userdirectory.New(userdirectory.Options{ServerName: s.cfg.ServerName, Rooms: s.rooms, Profiles: s.data, Accounts: s.accounts})
	s.rooms.Crowd, s.data.Follower = s.people, follower{s.rooms, s.people}
	return nil
}

// buildThirdParty comes after the accounts, whose addresses are bound elsewhere.
func (s *server) buildThirdParty(f program.Frame) error {
	s.thirdParty = thirdparty.New(thirdparty.Options{
		DB:         s.DB,
		Rooms:      s.rooms,
		Inviter:    s.inbound,
		Remote:     s.peers.remote,
		Identity:   s.identity.client,
		ServerName: s.cfg.ServerName,
		Exists:     s.accounts.Exists,
		Now:        f.Now,
		Log:        s.log,
	})
	return nil
}

// exchange turns invitations of addresses into those of people, until ctx ends.
func (s *server) exchange(ctx context.Context) error {
	return s.thirdParty.Run(ctx, func(err error) {
		s.log.Error("inviting people whose addresses were bound", "error", err)
	})
}

// readPeople has nobody wait for the user directory who searches first.
func (s *server) readPeople(ctx context.Context) error {
	if err := s.people.Read(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("the user directory is read when somebody searches", "error", err)
	}
	return nil
}

// accountOptions are those of one command, in which nobody registers; the server adds to them.
func accountOptions(env program.Env, s *program.Storage, cfg *Config) (account.Options, error) {
	secret, err := cfg.sharedSecret()
	if err != nil {
		return account.Options{}, err
	}
	trusted, err := cfg.trusted()
	return account.Options{
		DB:           s.DB,
		Vault:        s.Vault,
		ServerName:   cfg.ServerName,
		Now:          env.Now,
		SharedSecret: secret,
		Leavers: []account.Leaver{
			userdata.New(userdata.Options{DB: s.DB, Now: env.Now}),
			e2ee.Leaver{},
			&roomkeys.Backups{DB: s.DB},
			receipt.Leaver{},
			departure.Leaver{},
			contact.Leaver{Trusted: trusted, Now: env.Now},
			thirdparty.Leaver{},
			publication.Leaver{Now: env.Now},
		},
		Hashers: runtime.GOMAXPROCS(0),
	}, err
}

func (s *server) buildEncryption(f program.Frame) (err error) {
	s.backups = &roomkeys.Backups{DB: s.DB, Active: s.accounts.Active}
	s.peers.lists = devicelists.New(devicelists.Options{DB: s.DB, Remote: s.peers.remote, Rooms: s.rooms, Stream: s.stream, Now: f.Now})
	s.encryption, err = e2ee.New(f.Ctx, e2ee.Options{
		DB:         s.DB,
		Stream:     s.stream,
		ServerName: s.cfg.ServerName,
		Now:        f.Now,
		Devices:    accountDevices{s.accounts},
		Rooms:      s.rooms,
		Remote:     s.peers.lists,
		Outgoing:   s.peers.outbound,
		Active:     s.accounts.Active,
		Hears:      s.hears,
	})
	if err == nil {
		s.rooms.Came = s.encryption.Came
	}
	return err
}

func (s *server) buildSync(f program.Frame) error {
	s.sync = sync.New(sync.Options{
		Stream:     s.stream,
		Rooms:      s.rooms,
		Data:       s.data,
		Encryption: s.encryption,
		Receipts:   s.receipts,
		Typing:     s.typing,
		Unread:     s.unread,
		Refuse:     s.refuse,
		Now:        f.Now,
		Log:        s.log,
	})
	return nil
}

func (s *server) buildQuota(f program.Frame) error {
	charges := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signet_homeserver_budget_charges_total",
		Help: "Charges to budgets against abuse, by budget and outcome.",
	}, []string{"budget", "outcome"})
	s.metrics.MustRegister(charges)
	observe := func(budget string, outcome quota.Outcome) {
		charges.WithLabelValues(budget, string(outcome)).Inc()
	}
	stored, metered, err := s.cfg.budgets()
	if err != nil {
		return err
	}
	if s.meter, err = quota.NewMeter(quota.MeterOptions{Budgets: metered, Now: f.Now, Observe: observe}); err != nil {
		return err
	}
	s.quota, err = quota.New(f.Ctx, quota.Options{DB: s.DB, Vault: s.Vault, Budgets: stored, Now: f.Now, Log: s.log, Observe: observe})
	return err
}

func (s *server) buildClients(f program.Frame) (err error) {
	relay, err := s.cfg.Turn.server()
	if err != nil {
		return err
	}
	a := &clientapi.API{
		Accounts:       s.accounts,
		Rooms:          s.rooms,
		Inbound:        s.inbound,
		ThirdParty:     s.thirdParty,
		Receipts:       s.receipts,
		Typing:         s.typing,
		Data:           s.data,
		Sync:           s.sync,
		Encryption:     s.encryption,
		Backups:        s.backups,
		Departures:     s.departures,
		Quota:          s.quota,
		Meter:          s.meter,
		Remote:         s.peers.remote,
		ServerName:     s.cfg.ServerName,
		PublicURL:      s.cfg.PublicURL,
		IdentityServer: s.cfg.IdentityServer,
		Identity:       s.identity.client,
		Trusted:        s.identity.trusted,
		Contacts:       s.contacts,
		Publications:   s.publications,
		Checks:         s.checks,
		People:         s.people,
		Logins:         s.logins,
		GrantTokens:    s.cfg.Login.ByOtherDevice,
		Federation:     s.cfg.federationName(),
		RoomVersions:   roomVersions(),
		TURN:           relay,
		Now:            f.Now,
	}
	o := s.manners(f.Tracer)
	o.Translate, o.Page = clientapi.Translate, a.Page
	o.Proxies = s.cfg.BehindProxy
	o.Hosts = s.cfg.Hosts()
	pages, err := s.cfg.webClient()
	if err != nil {
		return err
	}
	s.clients, err = mxhttp.New(o, slices.Concat(a.Routes(), pages, program.HealthRoutes(s.health)))
	return err
}

// webClient is what is served of the web client: nothing where it is off.
func (c *Config) webClient() ([]mxhttp.Route, error) {
	if !c.WebClient {
		return nil, nil
	}
	client, err := webclient.New(webclient.Options{ServerName: c.ServerName, PublicURL: c.PublicURL, IdentityServer: c.IdentityServer})
	if err != nil {
		return nil, fmt.Errorf("the web client: %w", err)
	}
	return client.Routes(), nil
}

// roomVersions are those that rooms may have here; new ones have the default.
func roomVersions() clientapi.RoomVersions {
	versions := clientapi.RoomVersions{Default: event.Default.String(), Available: map[string]string{}}
	for _, v := range event.Versions() {
		versions.Available[v.String()] = "stable"
	}
	return versions
}

func (s *server) buildFederation(f program.Frame) (err error) {
	a := &fedapi.API{
		Accounts:   s.accounts,
		Keys:       s.Rings.For(keyring.Federation),
		ServerKeys: s.peers.keys,
		Peers:      s.peers.outbound,
		Rooms: resident.New(resident.Options{
			Rooms: s.rooms, ServerName: s.cfg.ServerName, Signer: s.signs.current, Keys: s.peers.keys, Graph: s.inbound,
		}),
		Transactions: s.transactions,
		Quota:        s.quota,
		Notary:       s.newNotary(f.Now),
		Blocked:      s.identity.blocked,
		Data:         s.data,
		Encryption:   s.encryption,
		Inbound:      s.inbound,
		ThirdParty:   s.thirdParty,
		ServerName:   s.cfg.ServerName,
		Version:      daemon.Version(),
		Now:          f.Now,
	}
	o := s.manners(f.Tracer)
	o.Translate = fedapi.Translate
	o.Hosts = s.cfg.federationHosts()
	s.federation, err = mxhttp.New(o, a.Routes())
	return err
}

// manners is what both APIs have in common.
func (s *server) manners(tracer trace.TracerProvider) mxhttp.Options {
	return mxhttp.Options{Logger: s.log, Metrics: s.metrics, Namespace: "signet_homeserver", Tracer: tracer}
}
