//! A client that keeps cookies, follows redirects and fills in forms, as a browser does.

use std::sync::Mutex;

use cookie_store::CookieStore;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use url::Url;
use url::form_urlencoded::Serializer;

use super::http::Http;

/// Redirects in a row that are followed.
const MAX_REDIRECTS: usize = 10;

/// A client with cookies of all servers. As in a browser, the servers of one host share them.
pub(crate) struct UserAgent {
    http: Http,
    cookies: Mutex<CookieStore>,
}

/// What the client shows, or the redirect at which it stopped.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

/// The form of a page: where it is sent, and its hidden fields.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) action: Url,
    fields: Vec<(String, String)>,
}

impl UserAgent {
    pub(crate) fn new(http: &Http) -> Self {
        Self { http: http.clone(), cookies: Mutex::new(CookieStore::default()) }
    }

    /// Opens a page, and follows its redirects.
    pub(crate) async fn open(&self, url: &str) -> Page {
        self.open_until(url, None).await
    }

    /// Opens a page, and follows its redirects up to the one to a URL that begins with `stop`.
    pub(crate) async fn open_until(&self, url: &str, stop: Option<&str>) -> Page {
        let url = Url::parse(url).unwrap();
        let response = self.send(Request::get(url.as_str()), &url, String::new()).await;
        self.follow(url, response, stop).await
    }

    /// Fills these values into the page's form, sends it, and follows the redirects.
    pub(crate) async fn submit(
        &self,
        page: &Page,
        values: &[(&str, &str)],
        stop: Option<&str>,
    ) -> Page {
        let form = page.form();
        let request = Request::post(form.action.as_str());
        let response = self.send(request, &form.action, form.filled_in(values)).await;
        self.follow(form.action, response, stop).await
    }

    /// Sends the page's form to another site, as a browser does: without the site's cookies (`SameSite=Lax`).
    /// Follows the redirects, which have them.
    pub(crate) async fn submit_to_other_site(&self, page: &Page) -> Page {
        let form = page.form();
        let request = Request::post(form.action.as_str())
            .header(header::ORIGIN, page.url.origin().ascii_serialization())
            .header("sec-fetch-site", "cross-site")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = Full::from(form.filled_in(&[]));
        let response = self.http.request(request.body(body).unwrap()).await.unwrap();
        self.follow(form.action, response, None).await
    }

    /// Sends a request with the cookies, and keeps those of the response.
    async fn send(
        &self,
        mut request: http::request::Builder,
        url: &Url,
        body: String,
    ) -> Response<Bytes> {
        let cookie = self.cookie(url);
        if !cookie.is_empty() {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = self.http.request(request.body(Full::from(body)).unwrap()).await.unwrap();
        let mut cookies = self.cookies.lock().unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let _ = cookies.parse(cookie.to_str().unwrap(), url); // fails for one that it removes
        }
        response
    }

    async fn follow(
        &self,
        mut url: Url,
        mut response: Response<Bytes>,
        stop: Option<&str>,
    ) -> Page {
        for _ in 0..MAX_REDIRECTS {
            let (status, location) = (response.status(), response.headers().get(header::LOCATION));
            let Some(location) = location.filter(|_| status.is_redirection()) else {
                let body = String::from_utf8(response.into_body().to_vec()).unwrap();
                return Page { url, status, body };
            };
            url = url.join(location.to_str().unwrap()).unwrap();
            if stop.is_some_and(|stop| url.as_str().starts_with(stop)) {
                return Page { url, status, body: String::new() };
            }
            response = self.send(Request::get(url.as_str()), &url, String::new()).await;
        }
        panic!("too many redirects, the last one to {url}");
    }

    /// Returns the cookies for this URL, as a header's value.
    pub(crate) fn cookie(&self, url: &Url) -> String {
        let cookies = self.cookies.lock().unwrap();
        let cookies =
            cookies.get_request_values(url).map(|(name, value)| format!("{name}={value}"));
        cookies.collect::<Vec<_>>().join("; ")
    }
}

impl Page {
    /// Returns the page's form.
    pub(crate) fn form(&self) -> Form {
        let (_, form) =
            self.body.split_once("<form").unwrap_or_else(|| panic!("no form: {self:?}"));
        let (tag, rest) = form.split_once('>').unwrap();
        let action = self.url.join(&attribute(tag, "action").unwrap()).unwrap();
        let inputs = rest.split("<input").skip(1).map(|input| input.split_once('>').unwrap().0);
        let fields =
            inputs.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)));
        Form { action, fields: fields.collect() }
    }
}

impl Form {
    /// Returns the body of the request that sends the form.
    pub(crate) fn filled_in(&self, values: &[(&str, &str)]) -> String {
        Serializer::new(String::new()).extend_pairs(&self.fields).extend_pairs(values).finish()
    }
}

/// Returns the value of an attribute in a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, value) = tag.split_once(&format!(" {name}=\""))?;
    let value = value.split_once('"')?.0;
    Some(value.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&"))
}
