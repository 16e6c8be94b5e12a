package api

import (
	"compress/gzip"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// proofMinimum is the length in octets from which a proof is worth compressing.
const proofMinimum = 1024

// compressed compresses an answer for who accepts that. Proofs are hashes in base64, of whose
// octets a quarter says nothing; nobody's secret stands beside what somebody else chose.
func compressed(answer echo.HandlerFunc) echo.HandlerFunc {
	return middleware.GzipWithConfig(middleware.GzipConfig{Level: gzip.BestSpeed, MinLength: proofMinimum})(answer)
}
