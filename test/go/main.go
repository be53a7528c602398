// An application that signs its users in with golang.org/x/oauth2 and github.com/coreos/go-oidc, as their documentation
// shows. Its arguments are the issuer, the client's id and secret, and the address at which it takes logout tokens. It is
// driven by go-oidc.test.ts, as test/support/driven-application.ts says.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	redirectURI  = "http://127.0.0.1:3000/callback"
	signedOutURI = "http://127.0.0.1:3000/signed-out"
)

type claims map[string]any

type application struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	config   oauth2.Config
	input    *bufio.Scanner
}

// What is to be the other in the answer than in the request.
type altered struct{ state, nonce bool }

func say(what any) {
	if err := json.NewEncoder(os.Stdout).Encode(what); err != nil {
		log.Fatal(err)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func (app *application) sendUserTo(address string) (*url.URL, error) {
	say(map[string]string{"visit": address})
	if !app.input.Scan() {
		return nil, errors.New("nobody has come back")
	}
	return url.Parse(app.input.Text())
}

func (app *application) signIn(ctx context.Context, wrong altered, options ...oauth2.AuthCodeOption) (*oauth2.Token, claims, error) {
	state, nonce, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	options = append(options, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier))
	answer, err := app.sendUserTo(app.config.AuthCodeURL(state, options...))
	if err != nil {
		return nil, nil, err
	}
	parameters := answer.Query()
	if wrong.state {
		state = "another"
	}
	// The libraries leave these to the application.
	if parameters.Get("state") != state {
		return nil, nil, errors.New("state did not match")
	}
	if refused := parameters.Get("error"); refused != "" {
		return nil, nil, errors.New(refused)
	}
	token, err := app.config.Exchange(ctx, parameters.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, nil, err
	}
	if wrong.nonce {
		nonce = "another"
	}
	verified, err := app.verify(ctx, token, nonce)
	return token, verified, err
}

// The claims of the token's ID token, for whose request this nonce was.
func (app *application) verify(ctx context.Context, token *oauth2.Token, nonce string) (claims, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("there is no ID token")
	}
	idToken, err := app.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if idToken.Nonce != nonce {
		return nil, errors.New("nonce did not match")
	}
	if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
		return nil, err
	}
	var all claims
	return all, idToken.Claims(&all)
}

// Takes logout tokens (OpenID Connect Back-Channel Logout 1.0 2.5).
func (app *application) takeLogoutTokens(address string) <-chan claims {
	taken := make(chan claims, 1)
	handle := func(w http.ResponseWriter, r *http.Request) {
		token, err := app.verifier.VerifyLogout(r.Context(), r.PostFormValue("logout_token"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			taken <- claims{"error": err.Error()}
			return
		}
		taken <- claims{"sid": token.SessionID, "sub": token.Subject, "jti": token.TokenID}
	}
	go func() { log.Fatal(http.ListenAndServe(address, http.HandlerFunc(handle))) }()
	return taken
}

func messageOf(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return refused.ErrorCode
	}
	return fmt.Sprint(err)
}

func main() {
	ctx := context.Background()
	issuer, clientID, clientSecret, address := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	provider, err := oidc.NewProvider(ctx, issuer)
	check(err)
	app := &application{
		provider: provider,
		verifier: provider.Verifier(&oidc.Config{ClientID: clientID}),
		config: oauth2.Config{
			ClientID:     clientID,
			ClientSecret: clientSecret,
			RedirectURL:  redirectURI,
			Endpoint:     provider.Endpoint(),
			Scopes:       []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail},
		},
		input: bufio.NewScanner(os.Stdin),
	}
	logoutTokens := app.takeLogoutTokens(address)
	result := map[string]any{}

	_, _, err = app.signIn(ctx, altered{}, oauth2.SetAuthURLParam("prompt", "none"))
	result["silent"] = messageOf(err)
	token, signedIn, err := app.signIn(ctx, altered{})
	check(err)
	result["signed_in"] = signedIn
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	check(err)
	var user claims
	check(info.Claims(&user))
	result["userinfo"] = user

	// A token source renews what has expired.
	expired := *token
	expired.Expiry = time.Now().Add(-time.Minute)
	renewed, err := app.config.TokenSource(ctx, &expired).Token()
	check(err)
	result["rotated"] = renewed.RefreshToken != token.RefreshToken
	// OpenID Connect Core 12.2: there is no nonce in it.
	result["renewed"], err = app.verify(ctx, renewed, "")
	check(err)

	_, _, err = app.signIn(ctx, altered{state: true})
	result["altered_state"] = messageOf(err)
	_, _, err = app.signIn(ctx, altered{nonce: true})
	result["altered_nonce"] = messageOf(err)

	token, steppedUp, err := app.signIn(ctx, altered{},
		oauth2.SetAuthURLParam("acr_values", "aal2"), oauth2.SetAuthURLParam("max_age", "0"))
	check(err)
	result["stepped_up"] = steppedUp

	var metadata struct {
		EndSessionEndpoint string `json:"end_session_endpoint"`
	}
	check(provider.Claims(&metadata))
	hint := url.Values{"id_token_hint": {token.Extra("id_token").(string)}, "post_logout_redirect_uri": {signedOutURI}}
	signedOut, err := app.sendUserTo(metadata.EndSessionEndpoint + "?" + hint.Encode())
	check(err)
	result["signed_out_at"] = signedOut.String()
	_, err = app.config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	result["renewed_after"] = messageOf(err)
	select {
	case result["logout_token"] = <-logoutTokens:
	case <-time.After(10 * time.Second):
		result["logout_token"] = "none has come"
	}
	say(map[string]any{"result": result})
}
