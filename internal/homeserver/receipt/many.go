package receipt

import (
	"context"
	"fmt"
	"slices"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// All is Since the beginning for many rooms. Those without receipts are left out.
func (r *Receipts) All(ctx context.Context, rooms []matrix.RoomID, reader matrix.UserID, to stream.Pos) (map[matrix.RoomID]Content, error) {
	all := map[matrix.RoomID]Content{}
	for some := range slices.Chunk(rooms, roomsAtOnce) {
		if err := r.addAll(ctx, all, some, reader, to); err != nil {
			return nil, fmt.Errorf("reading receipts: %w", err)
		}
	}
	return all, nil
}

func (r *Receipts) addAll(ctx context.Context, all map[matrix.RoomID]Content, rooms []matrix.RoomID, reader matrix.UserID, to stream.Pos) error {
	rows, err := selectAll(ctx, r.DB, rooms, reader, to)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var one Receipt
		var told Told
		if err := rows.Scan(&one.Room, &one.User, &one.Kind, &told.Thread, &one.EventID, &told.TS); err != nil {
			return err
		}
		if all[one.Room] == nil {
			all[one.Room] = Content{}
		}
		all[one.Room].add(one, told)
	}
	return rows.Err()
}

// AllReadUpTo is ReadUpTo for many rooms. Those without receipts are left out.
func (r *Receipts) AllReadUpTo(ctx context.Context, rooms []matrix.RoomID, user matrix.UserID) (map[matrix.RoomID]map[string]stream.Pos, error) {
	all := map[matrix.RoomID]map[string]stream.Pos{}
	for some := range slices.Chunk(rooms, roomsAtOnce) {
		if err := r.addReadUpTo(ctx, all, some, user); err != nil {
			return nil, fmt.Errorf("reading receipts: %w", err)
		}
	}
	return all, nil
}

func (r *Receipts) addReadUpTo(ctx context.Context, all map[matrix.RoomID]map[string]stream.Pos, rooms []matrix.RoomID, user matrix.UserID) error {
	rows, err := selectFurthestIn(ctx, r.DB, rooms, user)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var room matrix.RoomID
		var thread string
		var pos stream.Pos
		if err := rows.Scan(&room, &thread, &pos); err != nil {
			return err
		}
		if all[room] == nil {
			all[room] = map[string]stream.Pos{}
		}
		all[room][thread] = pos
	}
	return rows.Err()
}
