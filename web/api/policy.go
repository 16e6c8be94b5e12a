package api

import (
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
	Rules          []notary.Rule     `json:"rules"`
}

// GET /_signet/v1/policy
func (a *API) policy(c echo.Context) error {
	blocks, err := a.Gate.Blocks(c.Request().Context())
	if err != nil {
		return err
	}
	list := policyList{ServerName: a.Keys.Name, OriginServerTS: a.Gate.Now().UnixMilli(), Rules: []notary.Rule{}}
	for _, b := range blocks {
		list.Rules = append(list.Rules, PolicyRules(caller.BlockChange{Block: b})...)
	}
	signed, err := a.Keys.Sign(c.Request().Context(), list)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "public, max-age=60")
	return mxhttp.Reply(c, http.StatusOK, jsontext.Value(signed))
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
