package clientapi_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/clientapi"
	"signet/internal/mxhttp"
	"signet/internal/seal/sealtest"
	"signet/internal/store/storetest"

	"github.com/go-json-experiment/json"
)

// benchServer is a server as clients reach it.
type benchServer struct {
	testing.TB
	url    string
	client *http.Client
}

// eachEngine measures on SQLite, and on PostgreSQL where there is one.
func eachEngine(b *testing.B, measure func(b *testing.B, s *benchServer)) {
	urls := map[string]func(testing.TB) string{"sqlite": storetest.SQLite}
	if os.Getenv(storetest.PostgresURL) != "" {
		urls["postgres"] = storetest.PostgreSQL
	}
	for engine, url := range urls {
		b.Run(engine, func(b *testing.B) { measure(b, newBenchServer(b, url(b))) })
	}
}

func newBenchServer(b *testing.B, url string) *benchServer {
	b.Helper()
	db := storetest.Open(b, url, owners)
	accounts, err := account.New(b.Context(), account.Options{
		DB: db, Vault: sealtest.Vault(b, db, time.Now), ServerName: "hs.test", Now: time.Now, Flows: account.Flows{{account.StageDummy}}, Hashers: 2,
	})
	if err != nil {
		b.Fatal(err)
	}
	api := &clientapi.API{Accounts: accounts, Rooms: rooms(b, running(b, db), db, time.Now), ServerName: "hs.test", PublicURL: "https://hs.test"}
	handler, err := mxhttp.New(mxhttp.Options{Translate: clientapi.Translate}, api.Routes())
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(handler)
	b.Cleanup(server.Close)
	return &benchServer{b, server.URL, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

// call sends a request and returns a member of the answer.
func (s *benchServer) call(token, method, path, body, member string) string {
	req, err := http.NewRequest(method, s.url+v3+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := s.client.Do(req)
	if err != nil {
		s.Error(err)
		return ""
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		s.Errorf("%s %s: %d %s, %v", method, path, res.StatusCode, answer, err)
		return ""
	}
	var members map[string]any
	_ = json.Unmarshal(answer, &members)
	text, _ := members[member].(string)
	return text
}

func (s *benchServer) register(name string) (token string) {
	return s.call("", "POST", "/register", `{"auth":{"type":"m.login.dummy"},"username":"`+name+`","password":"`+password+`"}`, "access_token")
}

// Messages of about 700 octets into one room, each sender waiting for the last one's
// answer.
func BenchmarkSend(b *testing.B) {
	for _, senders := range []int{1, 8} {
		b.Run(fmt.Sprint(senders), func(b *testing.B) {
			eachEngine(b, func(b *testing.B, s *benchServer) { benchmarkSend(b, s, senders) })
		})
	}
}

func benchmarkSend(b *testing.B, s *benchServer, senders int) {
	var tokens []string
	for i := range senders {
		tokens = append(tokens, s.register(fmt.Sprintf("user%d", i)))
	}
	id := s.call(tokens[0], "POST", "/createRoom", `{"preset":"public_chat"}`, "room_id")
	for _, token := range tokens[1:] {
		s.call(token, "POST", "/join/"+id, `{}`, "")
	}
	body := fmt.Sprintf(`{"msgtype":"m.text","body":"%0300d"}`, 7)
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for _, token := range tokens {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				s.call(token, "PUT", fmt.Sprintf("/rooms/%s/send/m.room.message/%d", id, n), body, "")
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkCreateRoom(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *benchServer) {
		token := s.register("alice")
		b.ResetTimer()
		for range b.N {
			s.call(token, "POST", "/createRoom", `{"preset":"private_chat","name":"Attic"}`, "")
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rooms/s")
	})
}
