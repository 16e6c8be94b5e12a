package clientapi

import (
	"encoding/json"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/push"
	"signet/internal/mxhttp"
)

// pushRoutes is the part of the table that is about push rules.
func (a *API) pushRoutes() []mxhttp.Route {
	const rules, rule = v3 + "/pushrules/", v3 + "/pushrules/global/:kind/:ruleId"
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: rules, Handler: a.authenticated(a.pushRules)},
		{Method: http.MethodGet, Path: rules + "global/", Handler: a.authenticated(a.globalPushRules)},
		{Method: http.MethodGet, Path: rule, Handler: a.authenticated(a.pushRule)},
		{Method: http.MethodPut, Path: rule, Handler: a.limitedTo(byWrite, a.putPushRule)},
		{Method: http.MethodDelete, Path: rule, Handler: a.limitedTo(byWrite, a.deletePushRule)},
		{Method: http.MethodGet, Path: rule + "/enabled", Handler: a.authenticated(a.pushRuleEnabled)},
		{Method: http.MethodPut, Path: rule + "/enabled", Handler: a.limitedTo(byWrite, a.enablePushRule)},
		{Method: http.MethodGet, Path: rule + "/actions", Handler: a.authenticated(a.pushRuleActions)},
		{Method: http.MethodPut, Path: rule + "/actions", Handler: a.limitedTo(byWrite, a.setPushRuleActions)},
	}
}

// ruleName is the rule that a path names.
type ruleName struct {
	kind push.Kind
	id   string
}

func ruleInPath(c echo.Context) (n ruleName, err error) {
	kind, err := mxhttp.Segment(c, "kind")
	if err != nil {
		return n, err
	}
	if n.kind, err = push.ParseKind(kind); err != nil {
		return n, err
	}
	n.id, err = mxhttp.Segment(c, "ruleId")
	return n, err
}

// replyRules answers with what push makes of its types, as they are shown everywhere.
func replyRules(c echo.Context, shown any) error {
	text, err := json.Marshal(shown)
	return answer(c, jsontext.Value(text), err)
}

// ruleset is all rules of the caller.
func (a *API) ruleset(c echo.Context, by account.Device) (push.Ruleset, error) {
	settings, err := a.Data.PushRules(c.Request().Context(), by.User)
	return settings.Ruleset(by.User), err
}

// GET /_matrix/client/v3/pushrules/
func (a *API) pushRules(c echo.Context, by account.Device) error {
	rules, err := a.ruleset(c, by)
	if err != nil {
		return err
	}
	return replyRules(c, map[string]push.Ruleset{"global": rules})
}

// GET /_matrix/client/v3/pushrules/global/
func (a *API) globalPushRules(c echo.Context, by account.Device) error {
	rules, err := a.ruleset(c, by)
	if err != nil {
		return err
	}
	return replyRules(c, rules)
}

// namedRule is the rule that a path names.
func (a *API) namedRule(c echo.Context, by account.Device) (push.Rule, error) {
	named, err := ruleInPath(c)
	if err != nil {
		return push.Rule{}, err
	}
	rules, err := a.ruleset(c, by)
	if err != nil {
		return push.Rule{}, err
	}
	return rules.Find(named.kind, named.id)
}

// GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}
func (a *API) pushRule(c echo.Context, by account.Device) error {
	rule, err := a.namedRule(c, by)
	if err != nil {
		return err
	}
	return replyRules(c, rule)
}

// GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled
func (a *API) pushRuleEnabled(c echo.Context, by account.Device) error {
	rule, err := a.namedRule(c, by)
	if err != nil {
		return err
	}
	return replyRules(c, map[string]bool{"enabled": rule.Enabled})
}

// GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions
func (a *API) pushRuleActions(c echo.Context, by account.Device) error {
	rule, err := a.namedRule(c, by)
	if err != nil {
		return err
	}
	return replyRules(c, map[string][]push.Action{"actions": rule.Actions})
}

// changeRules changes the caller's push rules, about the one that the path names.
func (a *API) changeRules(c echo.Context, by account.Device, change func(*push.Settings, ruleName) error) error {
	named, err := ruleInPath(c)
	if err != nil {
		return err
	}
	err = a.Data.ChangePushRules(c.Request().Context(), by.User, func(s *push.Settings) error { return change(s, named) })
	return answer(c, empty{}, err)
}

type pushRuleRequest struct {
	Actions    []push.Action     `json:"actions" required:"true"`
	Conditions *[]push.Condition `json:"conditions"`
	Pattern    string            `json:"pattern"`
}

// PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}
func (a *API) putPushRule(c echo.Context, by account.Device) error {
	before, err := optional(c, "before")
	if err != nil {
		return err
	}
	after, err := optional(c, "after")
	if err != nil {
		return err
	}
	var r pushRuleRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	return a.changeRules(c, by, func(s *push.Settings, n ruleName) error {
		return s.Put(n.kind, push.Rule{ID: n.id, Conditions: r.Conditions, Pattern: r.Pattern, Actions: r.Actions}, before, after)
	})
}

// DELETE /_matrix/client/v3/pushrules/global/{kind}/{ruleId}
func (a *API) deletePushRule(c echo.Context, by account.Device) error {
	return a.changeRules(c, by, func(s *push.Settings, n ruleName) error { return s.Delete(n.kind, n.id) })
}

type enabledRequest struct {
	Enabled *bool `json:"enabled" required:"true"`
}

// PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled
func (a *API) enablePushRule(c echo.Context, by account.Device) error {
	var r enabledRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	return a.changeRules(c, by, func(s *push.Settings, n ruleName) error { return s.Enable(by.User, n.kind, n.id, *r.Enabled) })
}

type actionsRequest struct {
	Actions []push.Action `json:"actions" required:"true"`
}

// PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions
func (a *API) setPushRuleActions(c echo.Context, by account.Device) error {
	var r actionsRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	return a.changeRules(c, by, func(s *push.Settings, n ruleName) error { return s.SetActions(by.User, n.kind, n.id, r.Actions) })
}
