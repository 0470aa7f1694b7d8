use auth_jwt::{
    AuthLayer, Authenticator, Claims, Clock, InvalidKey, JwtAuth, JwtSignIn, Key, Timestamp,
    Validation, any_of,
};

/// Accepts the tokens of the old application beside those of the new one, until `end`: one day after
/// the old release is gone, the last of them expires.
pub fn layer(
    new: JwtSignIn,
    old_secret: &[u8],
    end: Timestamp,
    clock: Clock,
) -> Result<AuthLayer<impl Authenticator<Claims = Claims>>, InvalidKey> {
    let time = clock.clone();
    let validation = Validation::new().check(move |_| match time.now() < end {
        true => Ok(()),
        false => Err("a token of the old application"),
    });
    let old = JwtAuth::new(Key::hs256(old_secret)?).validation(validation).clock(clock);
    Ok(any_of((new, old)).optional()) // new sign-ins use the first
}
