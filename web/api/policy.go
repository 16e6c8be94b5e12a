package api

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// policyPath is where the block-list is published; whoever is turned away is told.
const policyPath = "/_signet/v1/policy"

// policyList is the block-list as of a moment. It is signed whole, so that a copy
// can be believed, and its age be told, wherever it is found.
type policyList struct {
	ServerName     matrix.ServerName `json:"server_name"`
	OriginServerTS int64             `json:"origin_server_ts"`
	Rules          []policyRule      `json:"rules"`
}

// policyRule is shaped after the content of m.policy.rule.server (client-server API,
// "Moderation policy lists"). Its entity is a glob and counts with any port.
type policyRule struct {
	Entity         string `json:"entity"`
	Recommendation string `json:"recommendation"`
	Reason         string `json:"reason"`
	CreatedTS      int64  `json:"created_ts"`
	ExpiresTS      int64  `json:"expires_ts,omitzero"`
}

// GET /_signet/v1/policy
func (a *API) policy(c echo.Context) error {
	blocks, err := a.Gate.Blocks(c.Request().Context())
	if err != nil {
		return err
	}
	list := policyList{ServerName: a.Keys.Name, OriginServerTS: a.Gate.Now().UnixMilli(), Rules: []policyRule{}}
	for _, b := range blocks {
		list.Rules = append(list.Rules, policyRules(b)...)
	}
	signed, err := a.Keys.Sign(c.Request().Context(), list)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "public, max-age=60")
	return mxhttp.Reply(c, http.StatusOK, jsontext.Value(signed))
}

func policyRules(b caller.Block) (rules []policyRule) {
	rule := policyRule{Recommendation: "m.ban", Reason: b.Reason, CreatedTS: b.Created.UnixMilli()}
	if !b.Until.IsZero() {
		rule.ExpiresTS = b.Until.UnixMilli()
	}
	for _, entity := range b.Entities() {
		rule.Entity = entity
		rules = append(rules, rule)
	}
	return rules
}
