package api

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/keys/notary"
)

// policyPath is where the block-list is published; whoever is turned away is told.
const policyPath = "/_signet/v1/policy"

// policyList is the block-list as of a moment. It is signed whole, so that a copy
// can be believed, and its age be told, wherever it is found.
type policyList struct {
	ServerName     matrix.ServerName `json:"server_name"`
	OriginServerTS int64             `json:"origin_server_ts"`
	Rules          []publishedRule   `json:"rules"`
}

// publishedRule is a rule, and where in the servers' log it stands.
type publishedRule struct {
	notary.Rule `json:",inline"`
	Position    int64 `json:"position,omitzero"` // absent: not logged yet
}

// GET /_signet/v1/policy
func (a *API) policy(c echo.Context) error {
	blocks, err := a.Gate.Blocks(c.Request().Context())
	if err != nil {
		return err
	}
	positions, err := a.policyPositions(c.Request().Context())
	if err != nil {
		return err
	}
	list := policyList{ServerName: a.Keys.Name, OriginServerTS: a.Gate.Now().UnixMilli(), Rules: []publishedRule{}}
	for _, b := range blocks {
		for _, rule := range PolicyRules(caller.BlockChange{Block: b}) {
			list.Rules = append(list.Rules, publishedRule{rule, positions[b.Server]})
		}
	}
	signed, err := a.Keys.Sign(c.Request().Context(), list)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "public, max-age=60")
	return mxhttp.Reply(c, http.StatusOK, jsontext.Value(signed))
}

func (a *API) policyPositions(ctx context.Context) (map[matrix.ServerName]int64, error) {
	if a.Logged == nil {
		return nil, nil
	}
	return a.Logged.PolicyPositions(ctx)
}

// PolicyRules are the rules of a block, shaped after the content of m.policy.rule.server
// (client-server API, "Moderation policy lists"), as they are published here and recorded in
// the servers' log; none of one that was lifted.
func PolicyRules(c caller.BlockChange) (rules []notary.Rule) {
	if c.Lifted {
		return nil
	}
	rule := notary.Rule{Recommendation: "m.ban", Reason: c.Reason, CreatedTS: c.Created.UnixMilli()}
	if !c.Until.IsZero() {
		rule.ExpiresTS = c.Until.UnixMilli()
	}
	for _, entity := range c.Entities() {
		rule.Entity = entity
		rules = append(rules, rule)
	}
	return rules
}
