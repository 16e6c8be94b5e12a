package fedapi

import (
	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
)

// welcome answers servers that are not turned away. It is before what brings somebody in: the
// others may leave what they are in, and go on in it as far as its ACLs let them.
func (a *API) welcome(handler originHandler) originHandler {
	return func(c echo.Context, origin matrix.ServerName) error {
		if err := a.Blocked.Refuse(origin); err != nil {
			return err
		}
		return handler(c, origin)
	}
}
